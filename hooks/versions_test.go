package hooks

// versions are the texts as they are now.
var versions = map[string]released{
	"audit-gitlab":             {1, "0f4717eb"},
	"audit-parallel":           {1, "31f89271"},
	"audit-slurm":              {1, "f9787b2f"},
	"before-dh_strip":          {4, "978dcb9c"},
	"bindeb-pkg":               {6, "f0340ad1"},
	"dkms":                     {2, "eda77e06"},
	"dpkg-buildpackage-gate":   {3, "beb79fd1"},
	"dpkg-buildpackage-repair": {4, "dfb7c29c"},
	"dpkg-trigger":             {2, "6ebb7577"},
	"github-action":            {1, "e2aeb20d"},
	"host-check":               {2, "589cc064"},
	"host-settings":            {2, "f617e012"},
	"modprobe.d":               {2, "edc9ddcb"},
	"pin-pahole":               {2, "d9ac1e0d"},
	"pin-resolve-btfids":       {2, "ce3448fa"},
	"postinst.d":               {2, "e7c73ab6"},
	"rpm-posttrans":            {2, "68e75f05"},
	"rules.real":               {5, "8787db70"},
	"salsa-ci":                 {7, "c5504f53"},
}
