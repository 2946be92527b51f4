"""How signaling drives a media node.  Nothing here may import anything of ours."""
