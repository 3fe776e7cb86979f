// Package search keeps a log's posting lists (storage/postings) and asks them:
// which terms a receipt has ([Follower] writes them) and which lists answer a
// query ([Plan]).
//
// Every receipt has one [Audience]: everybody, where its receipt.publish gate
// allows it, else its organisation. Each audience has lists of its own, since its
// name is part of every term. So a search opens the lists of those audiences only
// that the asker belongs to: what others keep private is not filtered out of an
// answer but was never looked at, and neither takes time nor moves a cursor.
//
// The follower goes through the published log in order. Receipts that are being
// logged are handed to it on the way ([Follower.Offer]) and need not be read
// back. What it was not handed, after a restart, in a log from before there were
// lists, or when it fell behind, it reads: that is all there is to rebuilding.
package search
