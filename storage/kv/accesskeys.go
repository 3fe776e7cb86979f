package kv

// The keys of who may use the log (package access). What callers show is never
// here, only its SHA-256.
//
//	prefix  then                          value
//	'a'     8 bytes id                    an API key, as package log/access writes it
//	'U'     8 bytes id                    u64 unix seconds of its last use, u64 day, u64 receipts on that day
//	'j'     u64 sequence                  an administrative act, as package log/access writes it
const (
	prefixAPIKey = 'a'
	prefixUse    = 'U'
	prefixAct    = 'j'
)

// APIKeyKey is where an API key stands.
func APIKeyKey(id uint64) []byte { return u64Key(prefixAPIKey, id) }

// APIKeyBounds returns the range of all keys that [APIKeyKey] makes.
func APIKeyBounds() (lower, upper []byte) { return prefixBounds(prefixAPIKey) }

// UseKey is where it stands when an API key was last used.
func UseKey(id uint64) []byte { return u64Key(prefixUse, id) }

// UseBounds returns the range of all keys that [UseKey] makes.
func UseBounds() (lower, upper []byte) { return prefixBounds(prefixUse) }

// ActKey is where an administrative act stands.
func ActKey(seq uint64) []byte { return u64Key(prefixAct, seq) }

// ActBounds returns the range of the acts from seq on.
func ActBounds(seq uint64) (lower, upper []byte) {
	return u64Key(prefixAct, seq), []byte{prefixAct + 1}
}
