package pe

// ParseVersion lets tests read a version resource that stands in no file.
var ParseVersion = parseVersion
