package msi_test

import (
	"errors"

	"github.com/hotfixkit/hotfixkit/msi"
)

// isFormat reports whether an error has one of the classes of damaged input.
func isFormat(err error) bool {
	for _, class := range []error{msi.ErrFormat, msi.ErrCodePage, msi.ErrLimit, msi.ErrContainer, msi.ErrTruncated} {
		if errors.Is(err, class) {
			return true
		}
	}
	return false
}
