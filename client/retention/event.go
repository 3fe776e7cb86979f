package retention

import (
	"encoding/json/v2"
	"time"

	"github.com/armalo/receiptlog/client/entry"
	"github.com/armalo/receiptlog/client/receipt"
)

// EventDate returns the date from which a receipt's documentation is kept for
// ten years, such as its placing on the market, if the receipt gives one:
//
//	credentialSubject.build.risk.placedOnMarket: "2027-01-31"
//
// Anything else there counts as no date; the zero time says so.
func EventDate(r *receipt.Receipt) time.Time {
	var view struct {
		Subject struct {
			Build struct {
				Risk struct {
					Placed any `json:"placedOnMarket"`
				} `json:"risk"`
			} `json:"build"`
		} `json:"credentialSubject"`
	}
	if err := json.Unmarshal(r.Canonical(), &view); err != nil {
		return time.Time{}
	}
	text, _ := view.Subject.Build.Risk.Placed.(string)
	at, err := entry.ParseDate(text)
	if err != nil {
		return time.Time{}
	}
	return at
}
