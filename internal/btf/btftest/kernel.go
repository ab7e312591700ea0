package btftest

import "kpkg-btf/internal/btf"

// Variant is a rebuild of the fake kernel.
type Variant uint8

const (
	// Plain is the kernel as first built.
	Plain Variant = iota
	// Permuted has the same counts and byte-identical strings, but an array
	// has moved to the front, so most ids mean something else (pair B).
	Permuted
	// Grown has one type and one string more, early on: ids and string
	// offsets shift (pair A).
	Grown
	// Changed has struct net two bytes larger: a true ABI change.
	Changed
	// Reserved is Plain with slack as package pin lays it out: two fillers and
	// 32 bytes of strings.
	Reserved
	// Filled is the release after Reserved, pinned on it: a type and its name
	// came and took a filler and some of the bytes.
	Filled
)

// kernelStrings fixes the order of the strings whatever the order of types.
var kernelStrings = []string{
	"int", "char", "long unsigned int", "unsigned int", "_Bool", "list_head", "next", "prev",
	"u32", "__u32", "refcount", "net", "ifindex", "list", "name", "flags", "module", "state", "init",
	"module_state", "MODULE_STATE_LIVE", "MODULE_STATE_COMING", "sk_buff", "len", "data", "dev", "nf_conn",
	"mark", "status", "ct_net", "key", "a", "b", "file_operations", "open", "release", "inode", "file",
	"kfree_skb", "skb", "printk", "fmt", "init_net", ".data..percpu", "bpf_kfunc", "percpu",
}

// Kernel builds a modest vmlinux base: ints, list_head, net, sk_buff, nf_conn,
// module, file_operations, functions, a per-CPU variable, tags. Look types up
// with ID.
func Kernel(v Variant) *Builder { return fillKernel(Base(), v) }

// BigKernel is Kernel in big endian.
func BigKernel(v Variant) *Builder { return fillKernel(BigBase(), v) }

func fillKernel(b *Builder, v Variant) *Builder {
	if v == Grown {
		b.Str("banner_7_0")
	}
	for _, s := range kernelStrings {
		b.Str(s)
	}
	i := b.Int("int", 4, Signed)
	ch := b.Int("char", 1, Signed)
	ul := b.Int("long unsigned int", 8, Unsigned)
	u := b.Int("unsigned int", 4, Unsigned)
	if v == Permuted {
		b.Array(ch, u, 216) // linux_banner
	}
	if v == Grown {
		b.Fwd("banner_7_0", false)
	}
	bl := b.Int("_Bool", 1, Bool)
	kernelTypes(b, v, kernelInts{i, ch, ul, u, bl})
	if v != Permuted {
		b.Array(ch, u, 216)
	}
	if v == Reserved || v == Filled {
		fillSlack(b, v)
	}
	return b
}

// fillSlack adds what package pin reserves, or has filled.
func fillSlack(b *Builder, v Variant) {
	const slack = 32
	proto := b.Proto(0)
	b.Func("kpkg_slack", proto)
	left := slack
	if v == Filled {
		before := len(b.strs)
		b.Fwd("fix_added", false)
		left -= len(b.strs) - before
	} else {
		b.Func("kpkg_slack", proto)
	}
	b.strs = append(b.strs, make([]byte, left)...)
}

type kernelInts struct{ i, char, ulong, uint, bool btf.ID }

func kernelTypes(b *Builder, v Variant, k kernelInts) {
	lh := b.Next() + 1
	b.Ptr(lh)
	b.Struct("list_head", 16, M("next", lh-1, 0), M("prev", lh-1, 8))
	u32 := b.Typedef("u32", b.Typedef("__u32", k.uint))
	netSize := uint32(40)
	if v == Changed {
		netSize += 8
	}
	name := b.Array(k.char, k.uint, 16)
	net := b.Struct("net", netSize, M("ifindex", k.i, 0), M("refcount", u32, 4), M("list", lh, 8), M("name", name, 24))
	pnet := b.Ptr(net)
	b.Ptr(b.Const(net))
	state := b.Enum("module_state", 4, E{"MODULE_STATE_LIVE", 0}, E{"MODULE_STATE_COMING", 1})
	initProto := b.Proto(k.i)
	b.Struct("module", 64, M("state", state, 0), M("list", lh, 8), M("name", name, 24), M("init", b.Ptr(initProto), 40),
		M("flags", k.ulong, 48))
	pvoid := b.Ptr(0)
	dev := b.Ptr(b.Fwd("inode", false))
	skb := b.Struct("sk_buff", 24, M("data", pvoid, 0), M("dev", dev, 8), BF("len", k.uint, 128, 20), BF("flags", k.bool, 148, 1))
	key := b.Union("", 8, M("a", k.i, 0), M("b", pvoid, 0))
	pskb := b.Ptr(skb)
	b.Struct("nf_conn", 32, M("mark", u32, 0), M("status", k.uint, 4), M("ct_net", pnet, 8), M("key", key, 16), M("skb", pskb, 24))
	b.Struct("file", 8, M("flags", k.ulong, 0))
	pfile := b.Ptr(b.ID(btf.Struct, "file"))
	open := b.Ptr(b.Proto(k.i, P("inode", dev), P("file", pfile)))
	b.Struct("file_operations", 16, M("open", open, 0), M("release", open, 8))
	free := b.Func("kfree_skb", b.Proto(0, P("skb", pskb)))
	b.Func("printk", b.Proto(k.i, P("fmt", b.Ptr(b.Const(k.char))), P("", 0)))
	b.DeclTag("bpf_kfunc", free, -1)
	b.Ptr(b.TypeTag("percpu", k.i))
	vr := b.Var("init_net", net)
	b.Datasec(".data..percpu", netSize, Entry{vr, 0, netSize})
}
