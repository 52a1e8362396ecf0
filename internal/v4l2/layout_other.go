//go:build !386

package v4l2

// gap64 is how many 32-bit words C leaves free before a 64-bit number that follows an odd
// number of them, and at the end of a structure with such numbers. Go does not on ARM, so
// that they are named.
const gap64 = 1
