# kpkg-btf hook bindeb-pkg, version 6
#
# The kernel's own bindeb-pkg and binrpm-pkg, with their packages judged and
# repaired before anybody sees them. In a configured kernel tree:
#
#	make -f bindeb-pkg.mk bindeb-pkg KPKG_BTF_BUILD_AGAINST=older.json
#	make -f bindeb-pkg.mk binrpm-pkg KPKG_BTF_BUILD_AGAINST=older.json
#
# The finished packages are repaired, not the build tree: their second make may
# link vmlinux again, and then kbuild encodes the BTF of every module anew. And
# kbuild's spec leaves no place for a macro behind modules_install. Modules that
# kbuild signed are signed again with the same key, $(KPKG_BTF_BUILD_KEY).
#
# Variables:
#   KPKG_BTF_BUILD_AGAINST   what may still be booted: manifests, packages
#   KPKG_BTF_BUILD_CHECK     more flags of `kpkg-btf check`
#   KPKG_BTF_BUILD_APPLY     flags of `kpkg-btf apply`: how to sign
#   KPKG_BTF_BUILD_KEY       certs/signing_key.pem; its certificate is beside it, .x509.
#                            Used where it is there when a repair is due: kbuild
#                            makes it during the build
#   KPKG_BTF_BUILD_HOOKS     folder of dpkg-buildpackage-repair and -gate; they are
#                            printed into one that lasts as long as the build
#   KPKG_BTF_BUILD_DEBUG     not empty: the -dbg package is judged, too
#   KPKG_BTF_BUILD_REQUIRED  not empty: a build without kpkg-btf fails

# Variables of earlier versions had no _BUILD: read for one version more.
kpkg_btf_old := $(foreach v,AGAINST CHECK APPLY KEY CERT HOOKS REQUIRED,$(if $(KPKG_BTF_$(v)),$(if $(KPKG_BTF_BUILD_$(v)),,$(warning kpkg-btf: KPKG_BTF_$(v) is now called KPKG_BTF_BUILD_$(v), and the old name goes with the next version)$(eval KPKG_BTF_BUILD_$(v) = $$(KPKG_BTF_$(v))))))
kpkg_btf_unknown := $(foreach v,$(filter-out $(addprefix KPKG_BTF_BUILD_,ABI AGAINST APPLY ARCH BASELINE CERT CHECK DEBUG DECIDE HOOKS HOST IMAGE INSTALL KEY ON PAHOLE PIN_ON PIN_SLACK REPAIR REPORTS REQUIRED RESOLVE_BTFIDS TREE),$(filter KPKG_BTF_BUILD_%,$(.VARIABLES))),$(warning kpkg-btf: $(v) is no variable of the hooks (kpkg-btf hooks list)))

KPKG_BTF ?= $(shell command -v kpkg-btf)
KPKG_BTF_BUILD_TREE := $(or $(O),$(KBUILD_OUTPUT),.)
KPKG_BTF_BUILD_KEY ?= $(abspath $(KPKG_BTF_BUILD_TREE))/certs/signing_key.pem
KPKG_BTF_BUILD_CERT ?= $(KPKG_BTF_BUILD_KEY:.pem=.x509)

export KPKG_BTF_BUILD_AGAINST KPKG_BTF_BUILD_CHECK KPKG_BTF_BUILD_APPLY KPKG_BTF_BUILD_KEY KPKG_BTF_BUILD_CERT KPKG_BTF_BUILD_DEBUG KPKG_BTF_BUILD_REQUIRED

kpkg_btf_missing = echo "kpkg-btf: NOT INSTALLED: the module BTF of $@ is not checked" >&2; [ -z '$(KPKG_BTF_BUILD_REQUIRED)' ]

.PHONY: bindeb-pkg binrpm-pkg

bindeb-pkg:
	@$(if $(KPKG_BTF),set -e; hooks='$(KPKG_BTF_BUILD_HOOKS)'; \
	[ -n "$$hooks" ] || { hooks=$$(mktemp -d); trap 'rm -rf "$$hooks"' EXIT; \
		for h in repair gate; do $(KPKG_BTF) hooks print dpkg-buildpackage-$$h -o "$$hooks/dpkg-buildpackage-$$h"; done; }; \
	$(MAKE) -f Makefile bindeb-pkg DPKG_FLAGS="--hook-buildinfo=$$hooks/dpkg-buildpackage-repair --hook-check=$$hooks/dpkg-buildpackage-gate $(DPKG_FLAGS)",\
	$(kpkg_btf_missing); $(MAKE) -f Makefile bindeb-pkg)

# The packages of this run are those newer than its start, in rpmbuild's folder
# (6.5 and older, or as RPMOPTS has it) or below the tree.
binrpm-pkg:
	@$(if $(KPKG_BTF),set -e; work=$$(mktemp -d); trap 'rm -rf "$$work"' EXIT; touch -d '1 second ago' "$$work/start"; \
	$(MAKE) -f Makefile binrpm-pkg; \
	rpms=$$(find "$$(rpmbuild $(RPMOPTS) --eval '%{_rpmdir}')" '$(KPKG_BTF_BUILD_TREE)/rpmbuild/RPMS' -name 'kernel*.rpm' -newer "$$work/start" 2>/dev/null | sort); \
	[ -n "$$rpms" ] || { echo "kpkg-btf: binrpm-pkg left no package" >&2; exit 1; }; \
	flags=; for o in $(KPKG_BTF_BUILD_AGAINST); do flags="$$flags --against $$o"; done; \
	judge() { $(KPKG_BTF) check $$rpms $$flags $(KPKG_BTF_BUILD_CHECK) "$$@"; }; \
	code=0; judge --report json="$$work/decision.json" || code=$$?; \
	if [ $$code = 3 ]; then mkdir "$$work/out"; \
		[ -n "$$KPKG_BTF_BUILD_APPLY" ] || [ ! -e "$$KPKG_BTF_BUILD_KEY" ] || \
			KPKG_BTF_BUILD_APPLY="--resign $$KPKG_BTF_BUILD_KEY --cert $$KPKG_BTF_BUILD_CERT --trusted-cert $$KPKG_BTF_BUILD_CERT"; \
		$(KPKG_BTF) apply "$$work/decision.json" $$rpms -o "$$work/out" $$KPKG_BTF_BUILD_APPLY; \
		for r in $$rpms; do new="$$work/out/$${r##*/}"; [ ! -e "$$new" ] || { cp "$$new" "$$r.kpkg-btf"; mv "$$r.kpkg-btf" "$$r"; }; done; \
		code=0; judge || code=$$?; fi; \
	[ $$code = 0 ] || { echo "kpkg-btf: these packages must not be shipped (exit $$code)" >&2; exit $$code; },\
	$(kpkg_btf_missing); $(MAKE) -f Makefile binrpm-pkg)
