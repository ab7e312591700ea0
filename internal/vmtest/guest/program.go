//go:build linux && amd64

package main

import (
	"bytes"
	"errors"
	"os/exec"
	"syscall"

	"kpkg-btf/internal/vmtest/wire"
)

// program runs one of the ramdisk to its end, by the user that was asked for,
// who is in no other group.
func program(c *wire.Case, a *wire.Answer) {
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir = "/tmp"
	cmd.Env = []string{"HOME=/tmp", "PATH=/usr/bin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: c.UID, Gid: c.UID}}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() < 0 {
		a.Problem = c.Args[0] + ": " + err.Error()
		return
	}
	a.Init, a.Stdout, a.Stderr = cmd.ProcessState.ExitCode(), out.Bytes(), complaint.Bytes()
}
