package did

import "crypto/ed25519"

// AssertionKeys returns every Ed25519 key that [Document.AssertionKey] would
// return for some method: the keys that may make assertions for the subject.
// The order is not defined.
func (d *Document) AssertionKeys() []ed25519.PublicKey {
	var keys []ed25519.PublicKey
	for id := range d.assertion {
		if key, err := d.AssertionKey(id); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}
