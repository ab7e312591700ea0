# kpkg-btf hook rules.real, version 1
#
# For debian/rules.real of src:linux and packages built the same way, which do
# not use dh. Include it and call the two macros from the recipe that builds a
# flavour, in this order:
#
#	$(MAKE) -C '$(DIR)' ...                      # the kernel's own make
#	$(call kpkg_btf_repair,$(DIR))               # before strip and signing
#	$(MAKE) -C '$(DIR)' modules_install ...      # strips, signs, compresses
#	$(call kpkg_btf_record,$(DIR),$(OUT).json)   # manifest for later builds
#
# KPKG_BTF_AGAINST holds what may still be booted: manifests committed below
# debian/abi/ (`kpkg-btf baseline` writes them), or older packages. Without
# kpkg-btf in PATH each macro is one loud line; the finished packages can still
# be judged by a later job.

KPKG_BTF ?= $(shell command -v kpkg-btf)
KPKG_BTF_AGAINST ?= $(wildcard debian/abi/*.json)

# In the build tree modules are neither signed nor compressed yet: what is
# distilled or stripped here is signed afterwards as it will be shipped.
define kpkg_btf_repair
	$(if $(KPKG_BTF),set -e; code=0; \
	$(KPKG_BTF) check '$(1)' $(addprefix --against ,$(KPKG_BTF_AGAINST)) --signatures ignored \
		--report json='$(1)/.kpkg-btf.json' -f || code=$$?; \
	case $$code in 0) ;; \
	3) $(KPKG_BTF) apply '$(1)/.kpkg-btf.json' '$(1)' --in-place ;; \
	*) echo "kpkg-btf: refusing to continue (exit $$code)" >&2; exit $$code ;; esac,\
	@echo "kpkg-btf: NOT INSTALLED: module BTF of $(1) is not checked" >&2)
endef

define kpkg_btf_record
	$(if $(KPKG_BTF),$(KPKG_BTF) record '$(1)' -f -o '$(2)',\
	@echo "kpkg-btf: NOT INSTALLED: no record of $(1)" >&2)
endef
