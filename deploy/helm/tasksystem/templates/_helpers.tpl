{{- define "tasksystem.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* At most 40 characters, so that there is room for what comes behind it. */}}
{{- define "tasksystem.fullname" -}}
{{- $name := include "tasksystem.name" . -}}
{{- $whole := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $whole .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* The following take a dict: root, component and, of a worker, its name. */}}
{{- define "tasksystem.selector" -}}
app.kubernetes.io/name: {{ include "tasksystem.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .worker }}
tasksystem/worker: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "tasksystem.labels" -}}
{{ include "tasksystem.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "tasksystem.serviceAccount" -}}
{{- $own := ternary (include "tasksystem.fullname" .) "default" .Values.serviceAccount.create -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end }}

{{/* All settings that are no secret, as YAML: name and text. */}}
{{- define "tasksystem.config" -}}
APP_ENV: production
DRAIN_SECONDS: {{ .Values.drainSeconds | int | quote }}
CANCEL_GRACE_SECONDS: {{ .Values.cancelGraceSeconds | int | quote }}
{{- range $name, $value := .Values.config }}
{{ $name }}: {{ $value | quote }}
{{- end }}
{{- end }}

{{- define "tasksystem.secretData" -}}
{{- with .Values.secret.values -}}
{{- $cure := "or secret.existing to the name of a Secret that has it" -}}
DATABASE_URL: {{ required (printf "Set secret.values.DATABASE_URL, %s" $cure) .DATABASE_URL | quote }}
CELERY_BROKER_URL: {{ required (printf "Set secret.values.CELERY_BROKER_URL, %s" $cure) .CELERY_BROKER_URL | quote }}
CELERY_RESULT_BACKEND: {{ default .CELERY_BROKER_URL .CELERY_RESULT_BACKEND | quote }}
SECRET_KEY: {{ required (printf "Set secret.values.SECRET_KEY (at least 32 characters), %s" $cure) .SECRET_KEY | quote }}
FLOWER_USER: {{ .FLOWER_USER | quote }}
FLOWER_PASSWORD: {{ default (printf "flower %s" .SECRET_KEY | sha256sum) .FLOWER_PASSWORD | quote }}
{{- with .METRICS_TOKEN }}
METRICS_TOKEN: {{ . | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "tasksystem.secretName" -}}
{{- default (include "tasksystem.fullname" .) .Values.secret.existing -}}
{{- end }}

{{/* A change of settings starts the pods anew. Those of a Secret that was there are not seen. */}}
{{- define "tasksystem.checksums" -}}
checksum/config: {{ include "tasksystem.config" . | sha256sum }}
{{- if not .Values.secret.existing }}
checksum/secret: {{ include "tasksystem.secretData" . | sha256sum }}
{{- end }}
{{- end }}

{{/* Longer than a worker's supervisor waits for everything: tests/support/deployment.py. */}}
{{- define "tasksystem.workerGrace" -}}
{{- add (int .Values.drainSeconds) (int .Values.cancelGraceSeconds) 30 -}}
{{- end }}

{{/* What all pods have. `hook`: it runs before the release's own objects are there. */}}
{{- define "tasksystem.pod" -}}
{{- if not .hook }}
serviceAccountName: {{ include "tasksystem.serviceAccount" .root }}
{{- end }}
automountServiceAccountToken: false
# A Service named flower would set FLOWER_PORT to an address.
enableServiceLinks: false
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile:
    type: RuntimeDefault
{{- if and .root.Values.topologySpread.enabled (not .hook) }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ .root.Values.topologySpread.key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "tasksystem.selector" . | nindent 8 }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  - name: data
    emptyDir: {}
  - name: logs
    emptyDir:
      sizeLimit: 500Mi
  {{- with .root.Values.extraVolumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* What all containers have. `env`: variables of its own. */}}
{{- define "tasksystem.container" -}}
{{- $full := include "tasksystem.fullname" .root -}}
{{- $own := ternary (printf "%s-migrate" $full) $full (default false .hook) -}}
image: "{{ .root.Values.image.repository }}:{{ default .root.Chart.AppVersion .root.Values.image.tag }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
envFrom:
  {{- if not .hook }}
  - configMapRef:
      name: {{ $full }}
  {{- end }}
  - secretRef:
      name: {{ default $own .root.Values.secret.existing }}
{{- with concat (default (list) .env) .root.Values.extraEnv }}
env:
  {{- toYaml . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: /data
  - name: logs
    mountPath: /logs
  {{- with .root.Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
