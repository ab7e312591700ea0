# kpkg-btf hook bindeb-pkg, version 1
#
# The kernel's own `make bindeb-pkg` calls dpkg-buildpackage with DPKG_FLAGS,
# and `make binrpm-pkg` rpmbuild with RPMOPTS. Neither needs a patch:
#
#	make -f bindeb-pkg.mk bindeb-pkg KPKG_BTF_HOOKS=/path/to/hooks
#
# in a configured kernel tree, or the two variables by hand:
#
#	make bindeb-pkg DPKG_FLAGS="--hook-buildinfo=… --hook-check=…"
#	make binrpm-pkg RPMOPTS="--load=/usr/lib/rpm/macros.d/macros.kpkg-btf"
#
# The folder of hooks is made by
#
#	for h in dpkg-buildpackage-repair dpkg-buildpackage-gate; do
#		kpkg-btf hooks print $h >hooks/$h; chmod +x hooks/$h; done

KPKG_BTF_HOOKS ?= $(CURDIR)/hooks
KPKG_BTF_MACROS ?= /usr/lib/rpm/macros.d/macros.kpkg-btf

.PHONY: bindeb-pkg binrpm-pkg
bindeb-pkg:
	$(MAKE) bindeb-pkg DPKG_FLAGS='--hook-buildinfo=$(KPKG_BTF_HOOKS)/dpkg-buildpackage-repair --hook-check=$(KPKG_BTF_HOOKS)/dpkg-buildpackage-gate $(DPKG_FLAGS)'

binrpm-pkg:
	$(MAKE) binrpm-pkg RPMOPTS='--load=$(KPKG_BTF_MACROS) $(RPMOPTS)'
