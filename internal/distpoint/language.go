package distpoint

import "fmt"

// languageNames are the languages of Windows Installer packages by their
// identifiers (Windows: Language Identifier Constants), as far as ConfigMgr 2007
// and the client patches were published in them or come close.
var languageNames = map[int]string{
	0:    "Language neutral",
	1025: "Arabic", 1028: "Chinese (Traditional)", 1029: "Czech", 1030: "Danish", 1031: "German", 1032: "Greek", 1033: "English",
	1034: "Spanish", 1035: "Finnish", 1036: "French", 1037: "Hebrew", 1038: "Hungarian", 1040: "Italian", 1041: "Japanese",
	1042: "Korean", 1043: "Dutch", 1044: "Norwegian", 1045: "Polish", 1046: "Portuguese (Brazil)", 1048: "Romanian", 1049: "Russian",
	1051: "Slovak", 1053: "Swedish", 1054: "Thai", 1055: "Turkish", 2052: "Chinese (Simplified)", 2070: "Portuguese (Portugal)",
	3082: "Spanish",
}

// languageName is the name of a product's language in a package definition, where
// an entry is required: an identifier without a name of its own is named by its
// number.
func languageName(language int) string {
	if name := languageNames[language]; name != "" {
		return name
	}
	return fmt.Sprintf("Language %d", language)
}
