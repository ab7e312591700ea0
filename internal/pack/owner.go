package pack

import "strconv"

// owner is a user or group by name, or by number where no name is recorded.
func owner(name string, id int64) string {
	if name != "" {
		return name
	}
	return strconv.FormatInt(id, 10)
}
