// A module outside the kernel's tree with a kfunc of its own.
#include <linux/module.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <linux/btf_ids.h>

noinline int kpkg_answer(int question);
noinline int kpkg_answer(int question)
{
	return question + 42;
}

BTF_SET8_START(kpkg_answers)
BTF_ID_FLAGS(func, kpkg_answer)
BTF_SET8_END(kpkg_answers)

static const struct btf_kfunc_id_set kpkg_set = { .owner = THIS_MODULE, .set = &kpkg_answers };

static int __init kpkg_init(void)
{
	return register_btf_kfunc_id_set(BPF_PROG_TYPE_SCHED_CLS, &kpkg_set);
}
module_init(kpkg_init);
MODULE_LICENSE("GPL");
