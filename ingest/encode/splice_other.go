//go:build !linux

package encode

import (
	"errors"
	"os"
)

func lend(*os.File, []byte) (bool, error) { return false, nil }

func unread(*os.File) (int, error) { return 0, errors.ErrUnsupported }
