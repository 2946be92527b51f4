"""The subprotocol `telehealth.v1`.  Nothing here may import anything of ours."""
