package manifest

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of the documents that [Read] takes and
// [Write] prints.
//
//go:embed schema.json
var Schema []byte
