# kpkg-btf hook before-dh_strip, version 4
#
# For kernels packaged as Proxmox's and Ubuntu's: modules are installed below
# debian/PACKAGE/, and stripped and signed there by the package's own rules.
#
#	include debian/kpkg-btf.mk        # kpkg-btf hooks print before-dh_strip -o …
#
# and after modules_install, before the first strip, objcopy or sign-file:
#
#	$(call kpkg_btf_staged,debian/$(KERNEL_PACKAGE))
#
# Several folders are judged as one kernel: image, modules and modules-extra.
#
# Variables:
#   KPKG_BTF_BUILD_AGAINST   what may still be booted: manifests, packages
#   KPKG_BTF_BUILD_CHECK     more flags of `kpkg-btf check`
#   KPKG_BTF_BUILD_APPLY     flags of `kpkg-btf apply`. The default lets signatures go
#                            that modules_install made: stripping loses them anyway,
#                            and the rules sign afterwards
#   KPKG_BTF_BUILD_REQUIRED  not empty: a build without kpkg-btf fails
#
# Without kpkg-btf in PATH it is one loud line and the build goes on.

# Variables of earlier versions had no _BUILD: read for one version more.
kpkg_btf_old := $(foreach v,AGAINST CHECK APPLY REQUIRED,$(if $(KPKG_BTF_$(v)),$(if $(KPKG_BTF_BUILD_$(v)),,$(warning kpkg-btf: KPKG_BTF_$(v) is now called KPKG_BTF_BUILD_$(v), and the old name goes with the next version)$(eval KPKG_BTF_BUILD_$(v) = $$(KPKG_BTF_$(v))))))
kpkg_btf_unknown := $(foreach v,$(filter-out $(addprefix KPKG_BTF_BUILD_,ABI AGAINST APPLY ARCH BASELINE CERT CHECK DEBUG DECIDE HOOKS HOST IMAGE INSTALL KEY ON PAHOLE PIN_ON PIN_SLACK REPAIR REPORTS REQUIRED RESOLVE_BTFIDS TREE),$(filter KPKG_BTF_BUILD_%,$(.VARIABLES))),$(warning kpkg-btf: $(v) is no variable of the hooks (kpkg-btf hooks list)))

KPKG_BTF ?= $(shell command -v kpkg-btf)
KPKG_BTF_BUILD_APPLY ?= --drop-signature

define kpkg_btf_staged
	@$(if $(KPKG_BTF),set -e; \
	flags=; for o in $(KPKG_BTF_BUILD_AGAINST); do flags="$$flags --against $$o"; done; \
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; code=0; \
	$(KPKG_BTF) check $(1) $$flags --signatures ignored $(KPKG_BTF_BUILD_CHECK) --report json="$$work/decision.json" || code=$$?; \
	case $$code in (0) ;; \
	(3) $(KPKG_BTF) apply "$$work/decision.json" $(1) --in-place $(KPKG_BTF_BUILD_APPLY) ;; \
	(*) echo "kpkg-btf: refusing to continue with $(1) (exit $$code)" >&2; exit $$code ;; esac,\
	echo "kpkg-btf: NOT INSTALLED: module BTF of $(1) is not checked" >&2; [ -z '$(KPKG_BTF_BUILD_REQUIRED)' ])
endef
