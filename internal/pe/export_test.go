package pe

// ParseVersion lets tests read a version resource that is not in a file.
var ParseVersion = parseVersion
