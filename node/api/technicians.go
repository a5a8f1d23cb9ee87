package api

import (
	"context"
	"encoding/hex"

	warrenv1 "warren/api/warren/v1"
)

// Technicians implements NodeService.
func (s nodeService) Technicians(context.Context, *warrenv1.TechniciansRequest) (*warrenv1.TechniciansResponse, error) {
	r, err := s.running()
	if err != nil {
		return nil, err
	}
	log := r.log()
	out := &warrenv1.TechniciansResponse{}
	for _, t := range log.Technicians() {
		node := t.Node.Short()
		if d, ok := log.Device(t.Node); ok {
			node = d.Name
		}
		out.Technicians = append(out.Technicians, &warrenv1.Technician{
			Name: t.Name, Key: hexKey(t.Key), Admin: t.Admin, Node: node, Revoked: t.Revoked,
		})
	}
	return out, nil
}

func hexKey(key []byte) string { return hex.EncodeToString(key) }
