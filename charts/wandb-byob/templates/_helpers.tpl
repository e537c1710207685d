{{- define "wandb-byob.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{/* Short enough for the longest suffix that is added to it. */}}
{{- define "wandb-byob.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "wandb-byob.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The labels by which the operator's own pods, and the release hook's, are found: they never change in an upgrade. */}}
{{- define "wandb-byob.selectorLabels" -}}
app.kubernetes.io/name: {{ include "wandb-byob.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "wandb-byob.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "wandb-byob.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "wandb-byob.serviceAccountName" -}}
{{- default (include "wandb-byob.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "wandb-byob.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The watched namespaces as a JSON list; empty where all are watched. */}}
{{- define "wandb-byob.namespaces" -}}
{{- if .Values.allNamespaces -}}
{{- if .Values.watchNamespaces -}}
{{- fail "allNamespaces is true and watchNamespaces is not empty: set one of them." -}}
{{- end -}}
[]
{{- else -}}
{{- default (list .Release.Namespace) .Values.watchNamespaces | toJson -}}
{{- end -}}
{{- end -}}

{{/* What every pod of the chart runs as; `restricted` in the terms of the Pod Security Standards. */}}
{{- define "wandb-byob.containerSecurityContext" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* The options that the operator and `byob release` share. */}}
{{- define "wandb-byob.scopeArgs" -}}
- --release-namespace={{ .Release.Namespace }}
- --release-name={{ include "wandb-byob.fullname" . }}
{{- if .Values.allNamespaces }}
- --all-namespaces
{{- else }}
- --namespaces={{ join "," (include "wandb-byob.namespaces" . | fromJsonArray) }}
{{- end }}
{{- end -}}
