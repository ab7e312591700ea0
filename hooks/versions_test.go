package hooks

// versions are the texts as they are now.
var versions = map[string]released{
	"before-dh_strip":          {2, "499365b0"},
	"bindeb-pkg":               {3, "6817618c"},
	"dkms":                     {2, "eda77e06"},
	"dpkg-buildpackage-gate":   {1, "3be0dd51"},
	"dpkg-buildpackage-repair": {1, "16351aa9"},
	"dpkg-trigger":             {2, "6ebb7577"},
	"host-check":               {1, "98445fb0"},
	"host-settings":            {1, "a58177cf"},
	"modprobe.d":               {2, "edc9ddcb"},
	"pin-pahole":               {1, "70ed7ab6"},
	"pin-resolve-btfids":       {1, "35c02e8d"},
	"postinst.d":               {2, "e7c73ab6"},
	"rpm-posttrans":            {2, "68e75f05"},
	"rules.real":               {2, "7b87f569"},
	"salsa-ci":                 {3, "184d25f7"},
}
