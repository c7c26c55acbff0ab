// Package testkit holds what the tests of several packages need: trees of files
// on the disk (WriteTree, ReadTree, SumTree, Snapshot, Names), tables of a
// database (AddTable, Insert), and installer packages and patches that are built
// for one test (Package, Patch).
//
// One convention holds for all of them. The test is the first argument, and what
// goes wrong ends it: no function returns an error. A tree of files is a map from
// the path below its top folder, with "/" between its segments, to the content.
// The zero value of a builder's field gives something usual. Two calls with the
// same arguments give the same bytes.
package testkit
