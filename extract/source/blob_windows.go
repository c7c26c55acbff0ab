package source

// nonBlocking keeps the opening of a file from waiting.
const nonBlocking = 0
