package hooks

// versions are the texts as they are now.
var versions = map[string]released{
	"before-dh_strip":          {2, "499365b0"},
	"bindeb-pkg":               {2, "ba26ad97"},
	"dkms":                     {1, "d67ddf69"},
	"dpkg-buildpackage-gate":   {1, "3be0dd51"},
	"dpkg-buildpackage-repair": {1, "16351aa9"},
	"dpkg-trigger":             {1, "a0eb9f2d"},
	"modprobe.d":               {2, "edc9ddcb"},
	"postinst.d":               {1, "cf6efc1a"},
	"rpm-posttrans":            {1, "15b86dfd"},
	"rules.real":               {2, "7b87f569"},
	"salsa-ci":                 {3, "184d25f7"},
}
