package msi_test

import (
	"errors"

	"github.com/hotfixkit/hotfixkit/msi"
	"github.com/hotfixkit/hotfixkit/msi/cfb"
)

// isFormat reports whether an error has one of the classes of damaged input.
func isFormat(err error) bool {
	for _, class := range []error{msi.ErrFormat, msi.ErrCodePage, msi.ErrLimit, cfb.ErrFormat, cfb.ErrTruncated, cfb.ErrLimit} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
