package main

// What stands in a witness's directory.
const (
	configName  = "receiptwitness.json" // Config; written last: with it the witness is complete
	dataName    = "data"                // the database
	keysName    = "keys"                // every *.key in it cosigns
	retiredName = "retired"             // below keys: cosigns no more
	bastionName = "bastion.key"         // tells bastions who we are
	socketName  = "admin.sock"          // there while the witness serves
)
