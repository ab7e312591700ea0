# debhelper sequence kpkg-btf: judge and repair the staged modules after they
# have their final content (dh_strip) and before anything is counted or named
# in the control file (dh_gencontrol, dh_md5sums).
use strict;
use warnings;
use Debian::Debhelper::Dh_Lib;

insert_before('dh_gencontrol', 'dh_kpkg_btf');

1;
