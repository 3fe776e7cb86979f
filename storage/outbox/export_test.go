package outbox

// For tests of what is on disk.
var ParseRow = parseRow

// Marshal is a row's value.
func Marshal(r *Row) []byte { return r.marshal() }
