//go:build linux && amd64

package main

import (
	"encoding/json"
	"fmt"
	"syscall"
	"unsafe"

	"kpkg-btf/internal/vmtest/wire"
)

// port is the serial line to the host, raw: the kernel's terminal layer must
// not touch the bytes.
type port struct{ fd int }

func openPort(path string) (*port, error) {
	// O_NONBLOCK only so that opening does not wait for a carrier.
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var t syscall.Termios
	if errno := ioctl(fd, syscall.TCGETS, uintptr(unsafe.Pointer(&t))); errno != 0 {
		return nil, fmt.Errorf("%s: %w", path, errno)
	}
	t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
	t.Cflag = syscall.B115200 | syscall.CS8 | syscall.CREAD | syscall.CLOCAL
	if errno := ioctl(fd, syscall.TCSETS, uintptr(unsafe.Pointer(&t))); errno != 0 {
		return nil, fmt.Errorf("%s: %w", path, errno)
	}
	return &port{fd: fd}, syscall.SetNonblock(fd, false)
}

func ioctl(fd int, req, arg uintptr) syscall.Errno {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), req, arg)
	return errno
}

func (p *port) send(r wire.Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	b = append(b, '\n')
	for len(b) > 0 {
		n, err := syscall.Write(p.fd, b)
		if err == syscall.EINTR || err == syscall.EAGAIN {
			continue
		}
		if err != nil {
			return fmt.Errorf("serial port: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// drain waits until the last byte has left (tcdrain).
func (p *port) drain() {
	const tcsbrk = 0x5409
	ioctl(p.fd, tcsbrk, 1)
}
