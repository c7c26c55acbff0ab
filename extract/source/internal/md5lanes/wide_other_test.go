//go:build !amd64 || purego

package md5lanes

import "testing"

func withoutWide(*testing.T) {}
