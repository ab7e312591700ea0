package manifest

// The objects of a manifest, field by field; the twin of write.go.

func (r *reader) pkg() (p Package) {
	r.object("packages", func(key string) bool {
		switch key {
		case "name":
			p.Name = r.text()
		case "version":
			p.Version = r.text()
		case "arch":
			p.Arch = r.word()
		case "kind":
			p.Kind = r.word()
		case "gives":
			p.Gives = r.sortedStrings()
		default:
			return false
		}
		return true
	})
	return p
}

func (r *reader) image() *Image {
	i := &Image{}
	r.object("image", func(key string) bool {
		switch key {
		case "format":
			i.Format = r.strings()
		case "banner":
			i.Banner = r.text()
		case "btf_only":
			i.BTFOnly = r.boolean()
		default:
			return false
		}
		return true
	})
	return i
}

func (r *reader) base() *Base {
	b := &Base{}
	r.object("base", func(key string) bool {
		switch key {
		case "sha256":
			b.SHA256 = r.sum()
		case "size":
			b.Size = r.number()
		case "types":
			b.Types = r.number()
		case "str_len":
			b.StrLen = r.number()
		case "hdr_len":
			b.HdrLen = r.number()
		case "big_endian":
			b.BigEndian = r.boolean()
		case "where":
			b.Where = r.text()
		default:
			return false
		}
		return true
	})
	return b
}

func (r *reader) ability() (a Ability) {
	r.object("abilities", func(key string) bool {
		switch key {
		case "name":
			a.Name = r.text()
		case "is":
			if err := a.Is.UnmarshalText([]byte(r.word())); err != nil {
				r.Malformed("%v", err)
			}
		case "value":
			a.Value = r.number()
		case "evidence":
			a.Evidence = r.text()
		default:
			return false
		}
		return true
	})
	return a
}

func (r *reader) cert() (c Cert) {
	r.object("certs", func(key string) bool {
		switch key {
		case "sha256":
			c.SHA256 = r.sum()
		case "subject":
			c.Subject = r.text()
		case "key_id":
			c.KeyID = r.text()
		case "serial":
			c.Serial = r.text()
		default:
			return false
		}
		return true
	})
	return c
}

func (r *reader) signer() (s Signer) {
	r.object("signers", func(key string) bool {
		switch key {
		case "key_id":
			s.KeyID = r.text()
		case "hash":
			s.Hash = r.text()
		case "algorithm":
			s.Algorithm = r.text()
		default:
			return false
		}
		return true
	})
	return s
}

func (r *reader) module() (m Module) {
	index, magic := r.modules, false
	r.modules++
	r.object("modules", func(key string) bool {
		switch key {
		case "path":
			m.Path = r.text()
		case "name":
			m.Name = r.text()
		case "sha256":
			m.SHA256 = r.sum()
		case "size":
			m.Size = r.number()
		case "btf":
			m.BTF = r.btf()
		case "ids":
			m.IDs = r.ids()
		case "vermagic":
			m.Vermagic, magic = r.word(), true
		case "intree":
			m.Intree = r.boolean()
		case "srcversion":
			m.Srcversion = r.text()
		case "depends":
			m.Depends = r.sortedStrings()
		case "registers":
			m.Registers = r.sortedStrings()
		case "signer":
			r.uses = append(r.uses, signerUse{module: index, signer: r.number(), at: r.TokenAt()})
		case "stamp":
			m.Stamp = []byte(r.text())
		default:
			return false
		}
		return true
	})
	if !magic {
		r.noMagic = append(r.noMagic, index)
	}
	return m
}

func (r *reader) btf() (b BTF) {
	r.object("modules.btf", func(key string) bool {
		switch key {
		case "kind":
			b.Kind = BTFKind(r.word())
		case "sha256":
			b.SHA256 = r.sum()
		case "size":
			b.Size = r.number()
		case "base_sha256":
			b.BaseSHA256 = r.sum()
		case "base_size":
			b.BaseSize = r.number()
		default:
			return false
		}
		return true
	})
	return b
}

func (r *reader) ids() *IDs {
	i := &IDs{}
	r.object("modules.ids", func(key string) bool {
		switch key {
		case "sha256":
			i.SHA256 = r.sum()
		case "sets":
			i.Sets = r.number()
		case "words":
			i.Words = r.number()
		case "located":
			i.Located = r.boolean()
		default:
			return false
		}
		return true
	})
	return i
}

// option reads ["CONFIG_X","y"].
func (r *reader) option() (o Option) {
	r.array(func(i int) {
		switch i {
		case 0:
			o.Name = r.element()
		case 1:
			o.Value = r.element()
		default:
			r.Unknown("config[]")
		}
	})
	return o
}

// symbol reads ["name","owner","gpl",crc,"namespace"]; the namespace may be
// left out.
func (r *reader) symbol() (s Symbol) {
	n := 0
	r.array(func(i int) {
		n = i + 1
		switch i {
		case 0:
			s.Name = r.element()
		case 1:
			s.Owner = r.intern(r.element())
		case 2:
			s.Export = Export(r.intern(r.element()))
		case 3:
			crc := r.number()
			if crc > 1<<32-1 {
				r.Malformed("checksum of more than 32 bits")
			}
			s.CRC = uint32(crc)
		case 4:
			s.Namespace = r.intern(r.element())
		default:
			r.Unknown("symbols[]")
		}
	})
	if r.Err == nil && n < 4 {
		r.Malformed("a symbol of %d fields", n)
	}
	return s
}
