//go:build !race

package storagetest

// raceFactor thins out what the race detector makes slow.
const raceFactor = 1
