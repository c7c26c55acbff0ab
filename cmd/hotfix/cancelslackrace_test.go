//go:build race

package main

// cancelSlack is how much slower the program is than without the race detector.
const cancelSlack = 15
