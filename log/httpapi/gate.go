package httpapi

// gate admits a bounded number of requests at a time. A nil gate admits all.
type gate chan struct{}

func newGate(n int) gate { return make(gate, n) }

// enter reports whether there is room. Each true is paired with one leave.
func (g gate) enter() bool {
	if g == nil {
		return true
	}
	select {
	case g <- struct{}{}:
		return true
	default:
		return false
	}
}

func (g gate) leave() {
	if g != nil {
		<-g
	}
}
