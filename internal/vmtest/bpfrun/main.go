//go:build linux

// Command bpfrun loads the programs of BPF objects, each alone, and prints an
// answer for each, a line of JSON. vmtest runs it in the kernels that it boots.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/cilium/ebpf"

	"kpkg-btf/internal/vmtest/bpfobj"
)

func main() {
	out := json.NewEncoder(os.Stdout)
	for _, path := range os.Args[1:] {
		if err := run(path, out); err != nil {
			fmt.Fprintln(os.Stderr, "bpfrun:", err)
			os.Exit(1)
		}
	}
}

func run(path string, out *json.Encoder) error {
	spec, err := ebpf.LoadCollectionSpec(path)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Programs)) {
		a := bpfobj.Answer{Program: name}
		var err error
		a.Value, err = load(spec.Programs[name])
		if err != nil {
			a.Error = err.Error()
		}
		if v, ok := errors.AsType[*ebpf.VerifierError](err); ok {
			a.Words = v.Log
		}
		if err := out.Encode(a); err != nil {
			return err
		}
	}
	return nil
}

// load returns a program to the kernel and runs it on a packet, if it is of that kind.
func load(spec *ebpf.ProgramSpec) (uint32, error) {
	if spec.Type == ebpf.StructOps {
		spec.AttachTo = strings.Split(spec.SectionName, "/")[1] // struct_ops/TYPE:MEMBER/NAME
	}
	p, err := ebpf.NewProgram(spec)
	if err != nil {
		return 0, err
	}
	defer p.Close()
	if spec.Type != ebpf.SchedCLS && spec.Type != ebpf.XDP {
		return 0, nil
	}
	return p.Run(&ebpf.RunOptions{Data: make([]byte, 64)})
}
