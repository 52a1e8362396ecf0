//go:build !linux

package pipe

import "os"

func setCapacity(*os.File) {}
