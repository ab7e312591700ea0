//go:build vm

package vmtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
	cilium "github.com/cilium/ebpf/btf"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest/bpfobj"
)

// schedulers are kfuncs of schedulers that a program can call with zeros, wherever
// it is attached. NAME where there is a NAME___v2 is none for these tests:
// cilium/ebpf takes the two for flavours of one.
var schedulers = []string{
	"scx_bpf_destroy_dsq", "scx_bpf_dispatch_nr_slots", "scx_bpf_dsq_nr_queued", "scx_bpf_kick_cpu", "scx_bpf_now", "scx_bpf_nr_cpu_ids",
}

// TestKfuncsOfSchedExt: of the kfuncs of schedulers that package health calls
// broken, none can be called: not as their headers declare them, which loaders
// refuse, and not as their BTF has them, which the kernel refuses in its own
// words. Those that it calls sound are called.
func TestKfuncsOfSchedExt(t *testing.T) {
	for _, k := range []struct {
		name, spec string
		broken     int
	}{
		{"7.2.11", realtest.Image7211, 3},
		{"7.3.4", realtest.Image73, 0},
	} {
		t.Run(k.name, func(t *testing.T) {
			b := load(t, k.spec)
			image, err := kimage.Parse(t.Context(), b.Kernel.Image, kimage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			base, err := btf.Parse(image.BTF)
			if err != nil {
				t.Fatal(err)
			}
			var byHeaders, asEncoded []bpfobj.Prog
			broken := map[string]bool{}
			tags := health.TagsOf(base)
			for _, f := range health.Kfuncs(base, image.KfuncSets, tags, len(tags) > 0) {
				if _, seen := broken[f.Name]; seen || !slices.Contains(schedulers, f.Name) {
					continue
				}
				headers, encoded := declared(base, &f)
				broken[f.Name] = f.Is(health.Implicit)
				byHeaders = append(byHeaders, calling(headers))
				if broken[f.Name] {
					asEncoded = append(asEncoded, calling(encoded))
				}
			}
			res, err := Boot(t.Context(), b.Kernel, Job{Cases: []Case{object(t, "headers", byHeaders), object(t, "encoded", asEncoded)}})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(res.Speed())
			headers, encoded := programs(t, &res.Verdicts[0], len(byHeaders)), programs(t, &res.Verdicts[1], len(asEncoded))
			refused := 0
			for name, is := range broken {
				a := headers[name]
				t.Logf("%s, broken %v: %q %q", name, is, a.Error, a.Words)
				if !is {
					if a.Error != "" {
						t.Errorf("%s is sound and cannot be called", name)
					}
					continue
				}
				refused++
				if !strings.Contains(a.Error, `kfunc "`+name+`": `) {
					t.Errorf("%s is broken, and a loader takes it", name)
				}
				a = encoded[name]
				if want := "cannot find function " + name + "_impl in BTF"; !strings.Contains(strings.Join(a.Words, "\n"), want) {
					t.Errorf("%s: want %q from the kernel: %q %q", name, want, a.Error, a.Words)
				}
			}
			if len(broken) != len(schedulers) || refused != k.broken {
				t.Errorf("%d of %d broken, want %d of %d", refused, len(broken), k.broken, len(schedulers))
			}
		})
	}
}

// declared are a kfunc of numbers as its kernel's headers have it, without the
// argument that the kernel adds, and as its BTF has it.
func declared(base *btf.Raw, f *health.Kfunc) (headers, encoded *cilium.Func) {
	fn, _ := base.Find(btf.Func, f.Name)
	proto, _ := base.Record(fn.Ref())
	number := &cilium.Int{Name: "long long", Size: 8, Encoding: cilium.Signed}
	result := cilium.Type(&cilium.Void{})
	if proto.Ref() != 0 {
		result = number
	}
	params := make([]cilium.FuncParam, proto.Vlen)
	for i := range params {
		params[i] = cilium.FuncParam{Name: fmt.Sprintf("arg%d", i), Type: number}
	}
	last := len(params)
	if f.Is(health.Implicit) {
		last--
		params[last].Type = &cilium.Pointer{Target: &cilium.Struct{Name: "bpf_prog_aux"}}
	}
	of := func(params []cilium.FuncParam) *cilium.Func {
		return &cilium.Func{Name: f.Name, Type: &cilium.FuncProto{Return: result, Params: params}}
	}
	return of(params[:last]), of(params)
}

// calling is a scheduler's program, by the kfunc's name, that calls it with zeros.
func calling(f *cilium.Func) bpfobj.Prog {
	insns := asm.Instructions{}
	for r := asm.R1; r <= asm.R5; r++ {
		insns = append(insns, asm.Mov.Imm(r, 0))
	}
	insns = append(insns, bpfobj.Call(f), asm.Mov.Imm(asm.R0, 0), asm.Return())
	return bpfobj.Prog{Section: "struct_ops/sched_ext_ops:dispatch", Name: f.Name, Insns: insns}
}

func object(t *testing.T, id string, progs []bpfobj.Prog) Case {
	t.Helper()
	data, err := bpfobj.Write(progs...)
	if err != nil {
		t.Fatal(err)
	}
	return Case{ID: id, Kind: Object, Object: data}
}

func programs(t *testing.T, v *Verdict, want int) map[string]bpfobj.Answer {
	t.Helper()
	got, err := v.Programs()
	if err != nil || len(got) != want {
		t.Fatalf("%s: %d answers, want %d; %v", v.ID, len(got), want, err)
	}
	return got
}
