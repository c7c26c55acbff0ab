//go:build unix

package source

import "syscall"

// nonBlocking keeps the opening of a file from waiting.
const nonBlocking = syscall.O_NONBLOCK
