package symvers

import (
	"reflect"
	"strings"
	"testing"
)

// TestReferenceForms: one table, as each packager writes it down.
func TestReferenceForms(t *testing.T) {
	want := []Symbol{
		{Name: "acpi_table_parse_cedt", CRC: 0x12, HasCRC: true, Owner: Vmlinux, Export: ExportGPL, Namespace: "ACPI"},
		{Name: "mii_nway_restart", CRC: 0xab, HasCRC: true, Owner: "drivers/net/mii", Export: ExportAny},
	}
	for name, text := range map[string]string{
		"Debian":  "0x00000012\tacpi_table_parse_cedt\tvmlinux\tEXPORT_SYMBOL_GPL\tACPI\n0x000000ab\tmii_nway_restart\tdrivers/net/mii\tEXPORT_SYMBOL\n",
		"RHEL":    "0x000000ab\tmii_nway_restart\tdrivers/net/mii\tEXPORT_SYMBOL\t\n0x00000012\tacpi_table_parse_cedt\tvmlinux\tEXPORT_SYMBOL_GPL\tACPI\n",
		"Proxmox": "ACPI EXPORT_SYMBOL_GPL 0x00000012 acpi_table_parse_cedt\tvmlinux\nEXPORT_SYMBOL drivers/net/mii 0x000000ab mii_nway_restart\n",
		"Ubuntu":  "EXPORT_SYMBOL drivers/net/mii 0x000000ab mii_nway_restart\nACPI EXPORT_SYMBOL_GPL 0x00000012 acpi_table_parse_cedt\tvmlinux\n",
	} {
		got, err := ParseReference([]byte(text))
		if err != nil || !reflect.DeepEqual(got.Symbols(), want) {
			t.Errorf("%s: %v\n got  %+v\n want %+v", name, err, got.Symbols(), want)
		}
	}
}

func TestReferenceRefuses(t *testing.T) {
	good := "EXPORT_SYMBOL drivers/net/mii 0x000000ab mii_nway_restart\n"
	for text, want := range map[string]string{
		good + "EXPORT_SYMBOL drivers/net/mii 0x000000ab":       "no line end",
		good + "EXPORT_SYMBOL drivers/net/mii 0x000000ab\n":     "line 2 column 1: not four or five fields",
		good + "EXPORT_SYMBOL drivers/net/mii 000000ab x\n":     "line 2 column 1: the third field is no checksum",
		good + "SYMBOL drivers/net/mii 0x000000ab x\n":          "line 2 column 1: no export type",
		good + "EXPORT_SYMBOL drivers/net/mii 0x000000ab x y\n": "line 2 column 1: no export type",
		"nothing\n": "fewer than three fields",
	} {
		if _, err := ParseReference([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
