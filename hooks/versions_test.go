package hooks

// versions are the texts as they are now.
var versions = map[string]released{
	"before-dh_strip":          {3, "3617bffa"},
	"bindeb-pkg":               {4, "a2adf786"},
	"dkms":                     {2, "eda77e06"},
	"dpkg-buildpackage-gate":   {2, "795de080"},
	"dpkg-buildpackage-repair": {2, "a74dac8e"},
	"dpkg-trigger":             {2, "6ebb7577"},
	"host-check":               {1, "98445fb0"},
	"host-settings":            {1, "a58177cf"},
	"modprobe.d":               {2, "edc9ddcb"},
	"pin-pahole":               {2, "d9ac1e0d"},
	"pin-resolve-btfids":       {2, "ce3448fa"},
	"postinst.d":               {2, "e7c73ab6"},
	"rpm-posttrans":            {2, "68e75f05"},
	"rules.real":               {3, "4262669b"},
	"salsa-ci":                 {4, "59d81766"},
}
