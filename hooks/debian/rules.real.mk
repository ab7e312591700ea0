# kpkg-btf hook rules.real, version 5
#
# For debian/rules.real of src:linux and packages built the same way, which do
# not use dh:
#
#	include debian/kpkg-btf.mk        # kpkg-btf hooks print rules.real -o …
#
# and in the recipes that build and install a flavour, DIR being its build tree
# and IMAGE where it is staged:
#
#	$(MAKE) -C '$(DIR)' ...
#	$(call kpkg_btf_repair,$(DIR))
#	$(MAKE) -C '$(DIR)' modules_install INSTALL_MOD_PATH='$(IMAGE)' ...
#	$(call kpkg_btf_record,$(IMAGE) $(HEADERS),$(OUT).json)
#
# In the build tree modules are neither stripped, signed nor compressed: what is
# repaired there goes that way afterwards like all others. The record is the
# older side of later builds, as `kpkg-btf baseline` writes it.
#
# Variables:
#   KPKG_BTF_BUILD_AGAINST   what may still be booted: manifests, packages. Not set:
#                            $(KPKG_BTF_BUILD_ABI)/ARCH_RELEASE*.json of the tree's release
#   KPKG_BTF_BUILD_ABI       folder of the committed manifests, debian/abi
#   KPKG_BTF_BUILD_CHECK     more flags of `kpkg-btf check`
#   KPKG_BTF_BUILD_APPLY     more flags of `kpkg-btf apply`
#   KPKG_BTF_BUILD_REQUIRED  not empty: a build without kpkg-btf fails
#
# Without kpkg-btf in PATH each macro is one loud line and the build goes on: a
# later job can still judge the finished packages.

# Variables of earlier versions had no _BUILD: read for one version more.
kpkg_btf_old := $(foreach v,AGAINST ABI CHECK APPLY REQUIRED,$(if $(KPKG_BTF_$(v)),$(if $(KPKG_BTF_BUILD_$(v)),,$(warning kpkg-btf: KPKG_BTF_$(v) is now called KPKG_BTF_BUILD_$(v), and the old name goes with the next version)$(eval KPKG_BTF_BUILD_$(v) = $$(KPKG_BTF_$(v))))))
kpkg_btf_unknown := $(foreach v,$(filter-out $(addprefix KPKG_BTF_BUILD_,ABI AGAINST APPLY ARCH BASELINE CERT CHECK DEBUG DECIDE HOOKS HOST IMAGE INSTALL KEY ON PAHOLE PIN_ON PIN_SLACK REPAIR REPORTS REQUIRED RESOLVE_BTFIDS TREE),$(filter KPKG_BTF_BUILD_%,$(.VARIABLES))),$(warning kpkg-btf: $(v) is no variable of the hooks (kpkg-btf hooks list)))

KPKG_BTF ?= $(shell command -v kpkg-btf)
KPKG_BTF_BUILD_ABI ?= debian/abi
KPKG_BTF_BUILD_HOST ?= $(or $(DEB_HOST_ARCH),$(shell dpkg-architecture -qDEB_HOST_ARCH))

define kpkg_btf_repair
	@$(if $(KPKG_BTF),set -e; dir='$(1)'; release=$$(cat "$$dir/include/config/kernel.release"); old='$(KPKG_BTF_BUILD_AGAINST)'; \
	[ -n "$$old" ] || for m in '$(KPKG_BTF_BUILD_ABI)/$(KPKG_BTF_BUILD_HOST)_'"$$release".json* '$(KPKG_BTF_BUILD_ABI)/$(KPKG_BTF_BUILD_HOST)_'"$$release"_*.json*; do \
		[ ! -e "$$m" ] || old="$$old $$m"; done; \
	flags=; for o in $$old; do flags="$$flags --against $$o"; done; \
	work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; code=0; \
	$(KPKG_BTF) check "$$dir" $$flags --signatures ignored $(KPKG_BTF_BUILD_CHECK) --report json="$$work/decision.json" || code=$$?; \
	case $$code in (0) ;; \
	(3) $(KPKG_BTF) apply "$$work/decision.json" "$$dir" --in-place $(KPKG_BTF_BUILD_APPLY) ;; \
	(*) echo "kpkg-btf: refusing to continue with $$dir (exit $$code)" >&2; exit $$code ;; esac,\
	echo "kpkg-btf: NOT INSTALLED: module BTF of $(1) is not checked" >&2; [ -z '$(KPKG_BTF_BUILD_REQUIRED)' ])
endef

define kpkg_btf_record
	@$(if $(KPKG_BTF),$(KPKG_BTF) record $(1) -f -o '$(2)',\
	echo "kpkg-btf: NOT INSTALLED: no record of $(1)" >&2; [ -z '$(KPKG_BTF_BUILD_REQUIRED)' ])
endef
