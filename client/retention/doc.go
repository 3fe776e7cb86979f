// Package retention says until when the bodies of receipts are owed, and
// whether an erasure is lawful, from nothing but the entries of a log.
//
// It is one deterministic machine that two parties run. The log runs it before
// it appends an erasure and does not append one that breaks a promise. The
// auditor runs it over the same entries, and finds the promises that the log
// broke all the same.
//
// # What is owed
//
// A receipt entry carries what was promised when it was logged ("retain"),
// which follows from the organisation's latest rules entry before it:
//
//	indefinite     without end; also where there are no rules
//	log            six calendar months from logging, or the floor if longer
//	documentation  ten years from the event date that the rules give, else the
//	               receipt itself; never less than the floor from logging;
//	               indefinite as long as no date is known
//	period         its period from logging
//
// Later rules touch that promise only if they say that they apply to all. Such
// rules lengthen it at once. They shorten it when their notice period has run
// out, which begins when they were published, and never to a day before that;
// newer rules for all that come in before that day replace them unheard.
//
// # What may be gone
//
// An erasure is lawful if every receipt that it names was due by then, or if
// somebody asked for it on a legal basis, and if no hold stood over any of
// them. A request may go below the floor; nothing goes past a hold.
//
// # Clocks
//
// Times in entries are the operator's word. A [Window] is what others know
// about them: witnesses' cosignatures show that an entry was not there yet, or
// was there already. An entry whose time does not fit is a breach. [Tolerance]
// is allowed for clocks that differ and for entries that wait to be sequenced.
//
// The package does no I/O and reads no clock. A [State] is not safe for
// concurrent use while it is being changed.
package retention
