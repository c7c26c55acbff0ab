// Package magic holds how the kinds of files begin that more than one package of this
// module tells apart.
package magic

// The signatures.
const (
	CompoundFile = "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1" // [MS-CFB] 2.2
	Cabinet      = "MSCF"                             // [MS-CAB] 2.1
	RPM          = "\xED\xAB\xEE\xDB"                 // the lead of an rpm (rpm file format)
	Program      = "MZ"                               // the MS-DOS header (PE format)
	ZIPMember    = "PK\x03\x04"                       // a local file header (APPNOTE.TXT 4.3.7)
	ZIPEnd       = "PK\x05\x06"                       // the end of the central directory (4.3.16)
)
