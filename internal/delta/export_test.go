package delta

// Prepared returns the two stages of an image between the old file and the
// stream: normalised, and with its addresses moved.
func Prepared(old []byte, info *Info, rifts []Rift) (normalised, reference []byte) {
	normalised = append([]byte(nil), old...)
	normalise(normalised, info)
	reference = append([]byte(nil), normalised...)
	transform(reference, info, rifts)
	return normalised, reference
}

// CodeImage is a 32-bit image with a call and an address that its relocations name.
func CodeImage() []byte {
	im := testImage(map[int][2]uint32{dirBaseReloc: {testReloc, 12}})
	im.setRelocs(testText, relBasedHighLow<<12|0x20, relBasedAbsolute<<12)
	im.put32(textOffset+0x20, testBase+testData)
	copy(im.b[textOffset+0x30:], []byte{0xe8, 0x7b, 0x00, 0x00, 0x00})
	return im.b
}
