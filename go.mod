module kpkg-btf

go 1.26.2

require (
	github.com/ProtonMail/go-crypto v1.5.2 // OpenPGP signatures of repositories; maintained, nfpm links it already
	github.com/anchore/go-lzo v0.1.1 // the one free LZO decoder; our own lzop framing around it
	github.com/blakesmith/ar v0.0.0-20190502131153-809d4375e1fb // prescribed; second reader of what apply wrote (kpkg-btf-package read), writes ar members in fixtures
	github.com/cilium/ebpf v0.22.0 // prescribed; btf: oracle in tests of the raw model
	github.com/cloudflare/circl v1.6.3 // ML-DSA signatures of modules (7.x)
	github.com/goccy/go-yaml v1.19.2 // policy files: strict, errors with line and excerpt
	github.com/goreleaser/nfpm/v2 v2.45.2 // prescribed; builds the companion package, in a program of its own; later versions break go mod tidy
	github.com/johannesboyne/gofakes3 v1.2.0 // tests: a server of S3
	github.com/joshdk/go-junit v1.0.0 // tests: a second reader of JUnit reports
	github.com/klauspost/compress v1.20.3 // zstd and gzip at the speed of the C libraries, no cgo
	github.com/knqyf263/go-deb-version v0.0.0-20241115132648-6f4aee6ccd23 // order of Debian versions, as dpkg's
	github.com/knqyf263/go-rpm-version v0.0.0-20260811110310-1815e1f1b790 // order of rpm versions, as rpmvercmp
	github.com/minio/minio-go/v7 v7.1.0 // stores in S3, in the program for audits
	github.com/owenrumney/go-sarif/v3 v3.3.1 // tests: the SARIF schema as referee
	github.com/pierrec/lz4/v4 v4.1.33 // lz4 frames and the legacy form of kernel payloads
	github.com/rogpeppe/go-internal v1.16.0 // tests: testscript
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.3 // tests: documents against their schemas
	github.com/sassoftware/go-rpmutils v0.4.0 // prescribed; second reader of what apply wrote (kpkg-btf-package read), peer of our rpm reader in tests
	github.com/smallstep/pkcs7 v0.2.3 // tests: oracle for signatures
	github.com/spf13/cobra v1.10.2 // command line, completion
	github.com/spf13/pflag v1.0.10 // flags from the environment
	github.com/ulikunitz/xz v0.5.17 // bases as btfhub keeps them, in the program for audits; tests: second decoder for the fuzzer
	github.com/xeipuuv/gojsonschema v1.2.0 // tests: JSON schemas of documents and reports
	github.com/youmark/pkcs8 v0.0.0-20240726163527-a2c0da244d78 // signing keys in encrypted PKCS #8 files
	github.com/yuin/goldmark v1.8.7 // docgen: docs/ as a site and as manual pages; no dependencies, not linked into the program
	golang.org/x/net v0.48.0 // tests: a second reader of HTML reports
	golang.org/x/sync v0.24.0 // errgroup, weighted semaphore
	golang.org/x/sys v0.49.0 // O_TMPFILE, mmap, renameat2
	golang.org/x/term v0.47.0 // progress only on a terminal
	modernc.org/sqlite v1.46.1 // the merged answers, in the program for audits; no cgo; later versions want later golang.org/x of all
	pgregory.net/rapid v1.3.0 // tests: properties
)

require (
	dario.cat/mergo v1.0.2 // indirect
	github.com/AlekSi/pointer v1.2.0 // indirect
	github.com/DataDog/zstd v1.5.5 // indirect
	github.com/Masterminds/goutils v1.1.1 // indirect
	github.com/Masterminds/semver/v3 v3.4.0 // indirect
	github.com/Masterminds/sprig/v3 v3.3.0 // indirect
	github.com/Microsoft/go-winio v0.6.2 // indirect
	github.com/cyphar/filepath-securejoin v0.4.1 // indirect
	github.com/emirpasic/gods v1.18.1 // indirect
	github.com/go-git/gcfg v1.5.1-0.20230307220236-3a3c6141e376 // indirect
	github.com/go-git/go-billy/v5 v5.7.0 // indirect
	github.com/go-git/go-git/v5 v5.16.5 // indirect
	github.com/gobwas/glob v0.2.3 // indirect
	github.com/golang/groupcache v0.0.0-20241129210726-2c02b8208cf8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/goreleaser/chglog v0.7.4 // indirect
	github.com/goreleaser/fileglob v1.4.0 // indirect
	github.com/huandu/xstrings v1.5.0 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/jbenet/go-context v0.0.0-20150711004518-d14ea06fba99 // indirect
	github.com/kevinburke/ssh_config v1.2.0 // indirect
	github.com/mitchellh/copystructure v1.2.0 // indirect
	github.com/mitchellh/reflectwalk v1.0.2 // indirect
	github.com/pjbgf/sha1cd v0.3.2 // indirect
	github.com/sergi/go-diff v1.3.2-0.20230802210424-5b0b94c5c0d3 // indirect
	github.com/shopspring/decimal v1.4.0 // indirect
	github.com/skeema/knownhosts v1.3.1 // indirect
	github.com/spf13/cast v1.10.0 // indirect
	github.com/xanzy/ssh-agent v0.3.3 // indirect
	github.com/xi2/xz v0.0.0-20171230120015-48954b6210f8 // indirect
	gitlab.com/digitalxero/go-conventional-commit v1.0.7 // indirect
	go.yaml.in/yaml/v3 v3.0.4 // indirect
	golang.org/x/crypto v0.46.0 // indirect
	golang.org/x/tools v0.40.1-0.20260108161641-ca281cf95054 // indirect
	gopkg.in/warnings.v0 v0.1.2 // indirect
)

require (
	github.com/cavaliergopher/cpio v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/go-ini/ini v1.67.0 // indirect
	github.com/google/rpmpack v0.7.1 // indirect
	github.com/klauspost/cpuid/v2 v2.2.11 // indirect
	github.com/klauspost/crc32 v1.3.0 // indirect
	github.com/klauspost/pgzip v1.2.6 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	github.com/minio/crc64nvme v1.1.1 // indirect
	github.com/minio/md5-simd v1.1.2 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/rs/xid v1.6.0 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	github.com/tinylib/msgp v1.6.1 // indirect
	github.com/xeipuuv/gojsonpointer v0.0.0-20180127040702-4e3ac2762d5f // indirect
	github.com/xeipuuv/gojsonreference v0.0.0-20180127040603-bd5ef7bd5415 // indirect
	github.com/zeebo/xxh3 v1.1.0 // indirect
	go.shabbyrobe.org/gocovmerge v0.0.0-20230507111327-fa4f82cfbf4d // indirect
	golang.org/x/exp v0.0.0-20251023183803-a4bb9ffd2546 // indirect
	golang.org/x/text v0.32.0 // indirect
	modernc.org/libc v1.67.6 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.11.0 // indirect
)
