package period

import "time"

// cycleMonths is how long the Gregorian calendar takes to repeat.
const cycleMonths = 400 * 12

// AtLeast reports whether p never ends before q, whatever day both begin on.
// P6M is at least P181D; P180D is not at least P6M, which can last 184 days.
func (p Period) AtLeast(q Period) bool {
	months := min(p.Months, q.Months)
	if p.Months-months >= q.Months-months {
		shortest, _ := days(p.Months - q.Months)
		return shortest+p.Days >= q.Days
	}
	_, longest := days(q.Months - p.Months)
	return p.Days >= longest+q.Days
}

// days returns the least and the greatest number of days that so many calendar
// months can last.
func days(months int) (shortest, longest int) {
	if months == 0 {
		return 0, 0
	}
	years, rest := months/cycleMonths, months%cycleMonths
	const daysPerCycle = 146097
	shortest = 1 << 30
	for start := range cycleMonths {
		from := time.Date(2000, time.Month(1+start), 1, 0, 0, 0, 0, time.UTC)
		to := time.Date(2000, time.Month(1+start+rest), 1, 0, 0, 0, 0, time.UTC)
		n := int(to.Sub(from) / (24 * time.Hour))
		longest = max(longest, n)
		// From the last day of a long month to the last of a short one.
		shortest = min(shortest, n-max(0, length(from)-length(to)))
	}
	return years*daysPerCycle + shortest, years*daysPerCycle + longest
}

// length returns the number of days of the month that begins at first.
func length(first time.Time) int { return first.AddDate(0, 1, -1).Day() }
