//go:build !linux || !(amd64 || arm64 || arm)

package burst

const expectedMode = Plain
