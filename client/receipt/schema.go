package receipt

import _ "embed"

// Schema is the JSON Schema (draft 2020-12) of a receipt.
//
//go:embed schema.json
var Schema []byte
