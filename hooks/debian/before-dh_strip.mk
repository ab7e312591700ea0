# kpkg-btf hook before-dh_strip, version 1
#
# For kernels packaged as Proxmox's and Ubuntu's: modules are installed below
# debian/PACKAGE/, stripped and signed there by the package's own rules. Include
# it and call, after modules_install and before the first strip or sign-file:
#
#	$(call kpkg_btf_staged,debian/$(KERNEL_PACKAGE))
#
# KPKG_BTF_AGAINST: manifests or packages of the releases that may be booted.

KPKG_BTF ?= $(shell command -v kpkg-btf)

define kpkg_btf_staged
	$(if $(KPKG_BTF),set -e; code=0; \
	$(KPKG_BTF) check '$(1)' $(addprefix --against ,$(KPKG_BTF_AGAINST)) --signatures ignored \
		--report json=debian/kpkg-btf.json -f || code=$$?; \
	case $$code in 0) ;; \
	3) $(KPKG_BTF) apply debian/kpkg-btf.json '$(1)' --in-place ;; \
	*) echo "kpkg-btf: refusing to continue (exit $$code)" >&2; exit $$code ;; esac,\
	@echo "kpkg-btf: NOT INSTALLED: module BTF of $(1) is not checked" >&2)
endef
