package receipt

import "slices"

// contexts reads @context. Inline contexts, which are objects, are refused:
// with them a receipt would redefine the terms it is written in.
func (c *cursor) contexts() []string {
	list := list(c, maxContexts, func(c *cursor, into *string) { *into = c.uri() })
	switch {
	case c.err != nil:
	// SPEC vc-data-model-2.0 4.3: the first item is the base context.
	case len(list) == 0 || list[0] != ContextCredentials:
		c.fail("must begin with %s", ContextCredentials)
	case !slices.Contains(list, ContextReceipt):
		c.fail("must contain %s", ContextReceipt)
	}
	return list
}

func (c *cursor) types() []string {
	list := c.texts(maxContexts)
	for _, want := range []string{TypeCredential, TypeReceipt} {
		if c.err == nil && !slices.Contains(list, want) {
			c.fail("must contain %s", want)
		}
	}
	return list
}

// composite reads an object from the names of dimensions to scores.
func (c *cursor) composite() map[string]float64 {
	if !c.open('{', "an object") {
		return nil
	}
	out := make(map[string]float64, maxDimensions)
	for c.more() {
		c.path = append(c.path, step{name: "(name)"})
		name := c.textOf(maxShort)
		c.at++ // the colon
		if name != "" {
			c.path[len(c.path)-1].name = name
		}
		out[name] = c.score()
		c.path = c.path[:len(c.path)-1]
	}
	if len(out) > maxDimensions {
		c.fail("must have at most %d dimensions", maxDimensions)
	}
	return out
}

// proof is what a verifier needs to know of one proof.
type proof struct {
	Type, Cryptosuite, Purpose, Method, Created, Expires, Value string

	where   span   // the object
	value   span   // its member proofValue, zero where there is none
	context string // the raw text of @context, "" where there is none
}

var proofFields = []field[proof]{
	{"@context", optional, func(c *cursor, p *proof) { p.context = c.raw() }},
	{"created", optional, func(c *cursor, p *proof) { p.Created = c.stamp() }},
	{"cryptosuite", optional, func(c *cursor, p *proof) { p.Cryptosuite = c.textOf(maxShort) }},
	{"expires", optional, func(c *cursor, p *proof) { p.Expires = c.stamp() }},
	{"previousProof", optional, func(c *cursor, p *proof) { c.fail("must be absent: proof chains are not supported") }},
	{"proofPurpose", required, func(c *cursor, p *proof) { p.Purpose = c.textOf(maxShort) }},
	{"proofValue", optional, func(c *cursor, p *proof) {
		p.value = c.member("proofValue", func() { p.Value = c.textOf(maxProse) })
	}},
	{"type", required, func(c *cursor, p *proof) { p.Type = c.textOf(maxShort) }},
	{"verificationMethod", required, func(c *cursor, p *proof) { p.Method = c.uri() }},
}

func readProof(c *cursor, p *proof) {
	from := c.at
	object(c, p, proofFields)
	p.where = span{from, c.at}
}

// proofs reads a single proof or a proof set.
func (c *cursor) proofs() []proof {
	if c.err == nil && c.text[c.at] != '[' {
		one := make([]proof, 1)
		readProof(c, &one[0])
		return one
	}
	set := list(c, maxProofs, readProof)
	if c.err == nil && len(set) == 0 {
		c.fail("must not be empty")
	}
	return set
}
